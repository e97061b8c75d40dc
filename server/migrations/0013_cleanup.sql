-- Sessions that have long been over are cleaned up: see identity/cleanup.
grant delete on session to tallystick_server;
