"""Makes what is generated and committed: modules, examples, pictures, pages, schemas."""
