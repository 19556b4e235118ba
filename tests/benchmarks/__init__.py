"""What secretenv costs, measured side by side with what people write without it; see README.md in this folder."""
