"""Worked examples of other OKR systems, graded under the presets: do the presets say what they claim to say?"""
