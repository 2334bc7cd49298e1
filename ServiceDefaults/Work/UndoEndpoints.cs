using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Of a service that does work which can be undone.</summary>
internal static class UndoEndpoints
{
    public static void MapUndo(this WebApplication app, string service)
    {
        if (!app.Services.GetServices<Worker>().Any(worker => worker.Undo is not null))
        {
            return;
        }

        var operations = app.MapApi($"/{service}/operations").WithTags("undo");
        operations.MapGet("/{id:guid}/undo", PreviewWorkUndo.Handle).ProducesProblem(StatusCodes.Status409Conflict)
            .WithSummary("What undoing an operation of this service would do by how things are now; nothing is stored.");
        operations.MapPost("/{id:guid}/undo", UndoWork.Handle).ProducesProblem(StatusCodes.Status409Conflict)
            .WithSummary("Undoes an operation of this service that has ended, as far as it came and once, by an operation of the caller's, which Operation-Location points to.");
    }
}
