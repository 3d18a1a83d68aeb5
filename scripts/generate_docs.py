"""Write the generated parts of the documents, or with --check say which are not current."""
