"""How near the backend torch comes to what a GPU's memory allows; see `__main__`."""
