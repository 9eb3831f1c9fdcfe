"""Scoring of result files against annotation files: GPS, GPSm and mask AP/AR, and pointwise errors."""
