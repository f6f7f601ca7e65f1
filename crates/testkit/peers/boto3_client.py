"""An unmodified boto3 behind Sortie: its endpoint is a named credential, its key id the caller's key, its secret anything.
Arguments: gateway URL, key, bucket. Prints what it saw as JSON."""
import io, json, sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

gateway, key, bucket = sys.argv[1:]


def client(service, name, **options):
    return boto3.client(service, endpoint_url=f"{gateway}/callout/{name}", region_name="ap-south-2", aws_access_key_id=key,
                        aws_secret_access_key="anything", aws_session_token="anybody's",
                        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **options))


def error(act):
    try:
        act()
        return None
    except ClientError as refused:
        return refused.response["ResponseMetadata"]["HTTPStatusCode"]


seen = {}
for name in ("S3", "S3Role"):
    s3 = client("s3", name)
    text = f"{name}/a b/ü+&=~!.txt"
    s3.put_object(Bucket=bucket, Key=text, Body=b"hello", Metadata={"note": "  two   words "}, ContentType="text/plain")
    got = s3.get_object(Bucket=bucket, Key=text)
    seen[name] = {
        "body": got["Body"].read().decode(), "note": got["Metadata"]["note"],
        "keys": [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}/a b/")["Contents"]],
    }
    # A file without a length that is known to be small: boto3 streams it in chunks of its own, with a checksum behind it.
    large = bytes(range(256)) * 12 * 1024
    s3.put_object(Bucket=bucket, Key=f"{name}/large", Body=io.BytesIO(large), ChecksumAlgorithm="SHA256")
    seen[name]["large"] = s3.get_object(Bucket=bucket, Key=f"{name}/large")["Body"].read() == large
    upload = s3.create_multipart_upload(Bucket=bucket, Key=f"{name}/parts")["UploadId"]
    parts = []
    for number in (1, 2):
        part = bytes([number]) * 5 * 1024 * 1024
        tag = s3.upload_part(Bucket=bucket, Key=f"{name}/parts", UploadId=upload, PartNumber=number, Body=part)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(Bucket=bucket, Key=f"{name}/parts", UploadId=upload, MultipartUpload={"Parts": parts})
    seen[name]["parts"] = s3.head_object(Bucket=bucket, Key=f"{name}/parts")["ContentLength"]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"{name}/parts"}]})
    seen[name]["deleted"] = [entry["Key"] for entry in deleted["Deleted"]]
dynamodb = client("dynamodb", "Tables")
dynamodb.create_table(TableName="T", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
                      AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
dynamodb.put_item(TableName="T", Item={"k": {"S": "ü"}, "v": {"N": "7"}})
seen["item"] = dynamodb.get_item(TableName="T", Key={"k": {"S": "ü"}})["Item"]["v"]["N"]
seen["identity"] = client("sts", "Tokens").get_caller_identity()["Arn"]
seen["forbidden"] = error(lambda: client("s3", "Nobody").list_buckets())
print(json.dumps(seen))
