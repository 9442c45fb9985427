//! Where other nodes are: announced and heard by multicast DNS. It says where, never who.
