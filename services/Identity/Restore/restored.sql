-- Sessions ended after the backup must not come back to life: everybody logs in again.
UPDATE refresh_tokens SET revoked_at = now() WHERE revoked_at IS NULL;
UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL;
