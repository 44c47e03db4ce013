"""What must be so in both products before records and documents can travel (documents 9)."""
