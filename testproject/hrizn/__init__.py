"""hrizn: content for car dealers. A key is optional, and taken seriously once it is sent."""
