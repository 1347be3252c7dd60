"""From the Hugging Face hub, a mirror of it or the miniature world to canonical Arrow files."""
