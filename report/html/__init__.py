"""Common parts of all HTML pages: style, templates, number formats, figures, pictures."""
