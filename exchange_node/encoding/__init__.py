"""StandardRecord + schema + key -> CLKs (step 5). May name a plaintext record, and nothing here logs."""
