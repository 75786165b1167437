"""A collection, looked after as a whole, and its documents as they are shown.

`originals` shows bytes and text, `page_image` draws and highlights a page, `alignment` finds sentences in it.
`collection_model` keeps the collection's embedding model. `health` keeps watch over Milvus and the model, `services`
starts, checks and closes all services. `consistency` verifies, `repair` mends, `transfer` moves the collection.
"""
