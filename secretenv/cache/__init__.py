"""The process that opens, seals and removes the cache: the last known good values, sealed with the device's key."""
