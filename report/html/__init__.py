"""What every HTML page of ours shares: style, templates, numbers for the eye, figures, files."""
