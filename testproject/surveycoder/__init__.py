"""SurveyCoder."""
