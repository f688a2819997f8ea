"""Fine-tuning on an export, over TRL (extra ``train``): one file, one command, a model folder that explains itself."""
