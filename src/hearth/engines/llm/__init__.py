"""Everything about text, engine-neutral: templates, detokenising, stop strings; and the engines."""
