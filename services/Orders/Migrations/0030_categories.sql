-- What the business sorts its menu by. A line keeps the one it was sold under.

ALTER TABLE menu_items ADD COLUMN category text CHECK (length(category) BETWEEN 1 AND 64);
ALTER TABLE order_lines ADD COLUMN category text CHECK (length(category) BETWEEN 1 AND 64);
