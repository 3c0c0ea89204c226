"""How is a bill shown? As text, as a page, as figures for notebooks, as a trace: one file each."""
