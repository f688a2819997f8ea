"""Rules on one text: refusals, leaks, strings that may identify a patient. Used at the door and by checks."""
