"""What the service reports about itself: metrics, stage times and traces."""
