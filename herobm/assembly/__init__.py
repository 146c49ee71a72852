"""Which mapping and which model serve which residue, and atoms from all of them together."""
