"""Who the others are and why they are believed: manifest, certificates, signatures, sealing and keys."""
