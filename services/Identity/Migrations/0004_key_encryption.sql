-- Null: private_key is plain PKCS #8. Otherwise it is sealed, and this names the key that opens it.
ALTER TABLE signing_keys ADD COLUMN sealed_with text CHECK (length(sealed_with) <= 32);
GRANT UPDATE ON signing_keys TO {{service}}_app;
