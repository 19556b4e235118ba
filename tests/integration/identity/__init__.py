"""Who the device is to AWS: one real thing each."""
