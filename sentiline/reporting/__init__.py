"""HTML reports on scored reviews: statistics gathered chunk by chunk in bounded memory, rendered as one page."""
