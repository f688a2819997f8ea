"""One file a page: its addresses (``ROUTES``), what is read out of them, and what is answered."""
