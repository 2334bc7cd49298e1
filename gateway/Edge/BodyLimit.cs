namespace OpsPlatform.Gateway.Edge;

/// <summary>Request bodies of more than 1 MiB are refused with 413, before a service is called when their length is announced.</summary>
internal static class BodyLimit
{
    public const long MaxBytes = 1024 * 1024;

    public static void AddBodyLimit(this WebApplicationBuilder builder) =>
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBytes;
        });

    public static void UseBodyLimit(this IApplicationBuilder app) => app.Use((context, next) =>
        context.Request.ContentLength > MaxBytes ? Refuse(context) : next(context));

    public static bool IsExceededIn(Exception? failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge })
            {
                return true;
            }
        }

        return false;
    }

    public static Task Refuse(HttpContext context) => Problems.BodyTooLarge(MaxBytes).ExecuteAsync(context);
}
