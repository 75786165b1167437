"""What the application is run with: navigation, response headers, shutdown, and the index that all sessions share."""
