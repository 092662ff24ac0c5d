//! Diagnostics as text, short lines or JSON.
