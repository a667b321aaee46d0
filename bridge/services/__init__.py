"""What people and programs can ask of a platform; the API and the command line call nothing else."""
