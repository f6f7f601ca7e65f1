"""An unmodified boto3 that stores and reads objects behind Sortie. Arguments: gateway URL, key, name, bucket. Prints what it saw as JSON."""
import hashlib, io, json, sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

gateway, key, name, bucket = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=f"{gateway}/callout/{name}", region_name="ap-south-2", aws_access_key_id=key,
                  aws_secret_access_key="anything", aws_session_token="anybody's",
                  config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}))
seen = {}
text = "a b/ü&=~!'().txt"
s3.put_object(Bucket=bucket, Key=text, Body=b"hello", Metadata={"note": "two   words"}, ContentType="text/plain")
got = s3.get_object(Bucket=bucket, Key=text)
seen["body"], seen["note"] = got["Body"].read().decode(), got["Metadata"]["note"]
seen["range"] = s3.get_object(Bucket=bucket, Key=text, Range="bytes=1-3")["Body"].read().decode()
seen["keys"] = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="a b/")["Contents"]]
# 20 MiB in parts of 8 MiB, several at once: each part is more than Sortie holds for its hash.
large = bytes(range(256)) * 80 * 1024
s3.upload_fileobj(io.BytesIO(large), bucket, "parts", Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20))
seen["parts"] = hashlib.sha256(s3.get_object(Bucket=bucket, Key="parts")["Body"].read()).hexdigest() == hashlib.sha256(large).hexdigest()
seen["tag"] = s3.head_object(Bucket=bucket, Key="parts")["ContentLength"]
s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "parts"}]})
try:
    s3.head_object(Bucket=bucket, Key="parts")
except ClientError as refused:
    seen["gone"] = refused.response["ResponseMetadata"]["HTTPStatusCode"]
print(json.dumps(seen))
