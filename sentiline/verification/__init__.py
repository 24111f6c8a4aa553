"""Verification of a bundle: its graphs compared with the numpy reference."""
