"""The settings on real disks."""
