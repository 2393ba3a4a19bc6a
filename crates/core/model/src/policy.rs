//! Who may do what: the one table of the house. The HTTP API, the in-meeting gateway and the media plane all ask it.
