"""A collection, looked after as a whole, and its documents as they are shown.

`originals` shows bytes and text. `page_image` draws a page, works out where sentences stand on it, and colours them;
`alignment` tells which of the page's characters a sentence is.
`collection_model` keeps the collection's embedding model. `health` keeps watch over Milvus and the model, `services`
starts, checks and closes all services. `consistency` verifies, `repair` mends, `transfer` moves the collection.
"""
