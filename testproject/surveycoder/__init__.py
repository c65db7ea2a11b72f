"""SurveyCoder: codes for the answers of surveys. A key is optional, and belongs to the API key that sent it."""
