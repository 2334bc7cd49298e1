using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Exports;

/// <summary>The file of an export that is done, part by part as it was written.</summary>
internal static class DownloadOrderExport
{
    public static string Href(Guid id) => $"/orders/exports/{id}/file";

    public static async Task<Results<PushStreamHttpResult, NotFound, ProblemHttpResult>> Handle(Guid id, OrdersDb db, HttpContext http, CancellationToken cancel)
    {
        if (await db.OrderExports.AsNoTracking().FirstOrDefaultAsync(x => x.Id == id, cancel) is not { } export)
        {
            return TypedResults.NotFound();
        }

        if (export.Bytes is not { } bytes)
        {
            return Problems.ExportNotReady(id);
        }

        http.Response.ContentLength = bytes;
        return TypedResults.Stream(body => Write(id, db, body, http.RequestAborted), "text/csv; charset=utf-8", export.FileName);
    }

    /// <summary>One part in memory at a time, and no transaction held open for a reader who takes long.</summary>
    private static async Task Write(Guid id, OrdersDb db, Stream body, CancellationToken cancel)
    {
        for (var no = 0; ; no++)
        {
            var part = await db.Database.SqlQuery<byte[]>($"SELECT content AS \"Value\" FROM order_export_parts WHERE export_id = {id} AND no = {no}").ToListAsync(cancel);
            if (part.Count == 0)
            {
                return;
            }

            await body.WriteAsync(part[0], cancel);
        }
    }
}
