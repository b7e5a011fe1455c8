"""What an audit says, in lines and sentences."""
