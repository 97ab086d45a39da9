"""Documents of the control plane: one mechanism for every resource."""
