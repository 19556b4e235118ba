"""Who the device is: pure code."""
