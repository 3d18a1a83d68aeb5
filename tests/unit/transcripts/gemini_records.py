"""Records as Gemini CLI writes them."""

import hashlib

AT = "2026-01-15T09:30:00.000Z"
SESSION = "11111111-1111-4111-8111-111111111111"
ENVIRONMENT = {
    "id": "d04923d38bb0f6017037e74183378ef4",
    "timestamp": AT,
    "type": "user",
    "content": [{"text": "<session_context>\nToday's date is ...\n</session_context>"}],
}


def header(workspace="/home/dev/project", **more):
    project = hashlib.sha256(workspace.encode()).hexdigest()
    return {"sessionId": SESSION, "projectHash": project, "startTime": AT, "lastUpdated": AT, "kind": "main", **more}


def user(identity, text, **more):
    return {"id": identity, "timestamp": AT, "type": "user", "content": [{"text": text}], **more}


def model(identity, text, **more):
    return {"id": identity, "timestamp": AT, "type": "gemini", "content": text, **more}


def call(identity, name="run_shell_command", output="ok", **more):
    answer = {"functionResponse": {"id": identity, "name": name, "response": {"output": output}}}
    return {"id": identity, "name": name, "args": {}, "status": "success", "result": [answer], **more}


def answers(identity, *calls):
    return user(identity, "") | {"content": [part for c in calls for part in c["result"]]}


def messages(*all_of_them):
    return {"$set": {"messages": list(all_of_them), "lastUpdated": AT}}
