"""Fine-tuning on an export, over TRL (extra ``train``): one training file, one command, a model folder that explains itself."""
