"""What happens after a commit: mail, notifications, and effects that plugins perform."""
