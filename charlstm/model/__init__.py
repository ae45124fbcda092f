"""The network, its cell as equations, its shapes, its device."""
