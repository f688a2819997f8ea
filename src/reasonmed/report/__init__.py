"""Pages and plots of reports: self-contained HTML, every text escaped, no script but their own search."""
