using System.Buffers;
using System.Text;

namespace OpsPlatform.Sync.Feed;

/// <summary>Writes a <see cref="FeedDocument"/> from frames that are serialised already.</summary>
internal sealed class FeedPageResult(FeedPage page) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = "application/json; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        response.BodyWriter.Write("{\"items\":["u8);
        var separator = ""u8;
        foreach (var frame in page.Batch.Frames)
        {
            response.BodyWriter.Write(separator);
            response.BodyWriter.Write(frame.Json.Span);
            separator = ","u8;
        }

        response.BodyWriter.Write(Encoding.UTF8.GetBytes($"],\"position\":{page.Batch.UpTo},\"head\":{page.Head.Position}}}"));
        await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
    }
}
