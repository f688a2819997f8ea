"""The judge on trial: planted faults, labelled cases, the card that sums them up, the gate that asks for one."""
