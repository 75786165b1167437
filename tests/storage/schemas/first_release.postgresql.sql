CREATE TABLE collections (
    address VARCHAR(700) NOT NULL,
    name VARCHAR(255) NOT NULL,
    asked_model VARCHAR(1000) NOT NULL,
    model VARCHAR(1000) NOT NULL,
    fingerprint VARCHAR(1000) NOT NULL,
    PRIMARY KEY (address, name)
);

CREATE TABLE conversations (
    conversation_id VARCHAR(32) NOT NULL,
    title TEXT NOT NULL,
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (conversation_id)
);

CREATE TABLE documents (
    address VARCHAR(700) NOT NULL,
    collection VARCHAR(255) NOT NULL,
    doc_id VARCHAR(64) NOT NULL,
    file_name TEXT NOT NULL,
    size BIGINT NOT NULL,
    pages INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    state VARCHAR(16) NOT NULL,
    error TEXT,
    added_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    replaces BOOLEAN NOT NULL,
    claimed_by VARCHAR(255),
    claimed_until TIMESTAMP WITHOUT TIME ZONE,
    PRIMARY KEY (address, collection, doc_id)
);

CREATE TABLE messages (
    message_id SERIAL NOT NULL,
    conversation_id VARCHAR(32) NOT NULL,
    role VARCHAR(16) NOT NULL,
    content TEXT NOT NULL,
    evidence TEXT,
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (message_id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (conversation_id) ON DELETE CASCADE
);

CREATE INDEX ix_messages_conversation_id ON messages (conversation_id);
